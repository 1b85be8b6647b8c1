"""Names in C source: the one that everything in a file begins with, and names of anybody's choice in its comments."""

from __future__ import annotations

import re

from shallownet_c._checks._validation import shown

#: Of C up to C23 and of C++ up to C++23.
KEYWORDS = """
alignas alignof and and_eq asm auto bitand bitor bool break case catch char char16_t char32_t char8_t class
co_await co_return co_yield compl concept const const_cast consteval constexpr constinit continue decltype default
delete do double dynamic_cast else enum explicit export extern false float for friend goto if inline int long
mutable namespace new noexcept not not_eq nullptr operator or or_eq private protected public register
reinterpret_cast requires restrict return short signed sizeof static static_assert static_cast struct switch
template this thread_local throw true try typedef typeid typename typeof typeof_unqual union unsigned using virtual
void volatile wchar_t while xor xor_eq
"""
#: C99 compilers may ignore all but the first 63 characters of a name, and what follows ours has up to 15.
LONGEST = 48


def checked(name: object) -> str:
    """The name, if the names in a C file may begin with it."""
    if not isinstance(name, str):
        raise TypeError(f"name must be a C identifier, got {shown(name)}")
    # An underscore first, or two of them anywhere (ours follow one), are reserved for compilers and their libraries.
    if len(name) > LONGEST or not re.fullmatch(r"[A-Za-z][A-Za-z0-9]*(_[A-Za-z0-9]+)*", name):
        raise ValueError(
            f"name must be a C identifier: up to {LONGEST} ASCII letters, digits and single underscores between them, "
            f"a letter first; got {shown(name)}"
        )
    if name in KEYWORDS.split():
        raise ValueError(f"name must be no keyword of C or C++, got {name!r}")
    return str.__str__(name)


def in_comment(name: str, longest: int = 80) -> str:
    """The name in double quotes, in ASCII and without anything that means something to a compiler within a comment.

    That is the end of the comment, another one's beginning, the end of a line, and a trigraph.
    """
    text = name[:longest].encode("unicode_escape").decode("ascii")
    for sign, escaped in (("*/", r"*\x2f"), ("/*", r"/\x2a"), ("??", r"?\x3f")):
        text = text.replace(sign, escaped)
    return f'"{text}"' + ("..." if len(name) > longest else "")
