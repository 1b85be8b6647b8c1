"""From a slider of `shallownet-c play` to its picture, in Chromium: p50 and p95 for several networks.

    pip install ".[play]" playwright && python benchmarks/play_latency.py

Each time a slider is moved by one place, as a key does it; "first" is when the first picture of the new network has
been drawn, "whole" when that of its last iteration has been. Both include the training, the way to the server and back,
the drawing, and the picture of the screen that follows. It needs a chromium in PATH.
"""

import argparse
import shutil
import statistics
import subprocess
import sys

NETWORKS = {
    "2-4-1 tanh": "",
    "2-4-1 relu": "layers=4.relu&rate=0.1&init=1",
    "2-20-1 tanh": "layers=20.tanh",
    "2-20-1 relu": "layers=20.relu&rate=0.1&init=1",
    "2-20-1 tanh, batches of 32, Adam": "layers=20.tanh&batch=32&optimizer=adam&rate=0.01",
    "2-20-20-1 tanh": "layers=20.tanh-20.tanh&init=glorot_uniform&rate=0.3",
    "2-50-50-50-1 tanh": "layers=50.tanh-50.tanh-50.tanh&init=glorot_uniform&rate=0.1",
}

#: Moves a slider and resolves with the milliseconds until the first and the last picture of the answer.
MOVE = """step => new Promise(resolve => {
  const slider = document.getElementById("rate");
  let first = null;
  const began = performance.now();
  const shown = ({ detail }) => {
    if (detail.seq !== Number(document.documentElement.dataset.askedSeq)) return;
    requestAnimationFrame(() => {
      const now = performance.now() - began;
      first ??= now;
      if (!detail.done) return;
      document.removeEventListener("shown", shown);
      resolve([first, now]);
    });
  };
  document.addEventListener("shown", shown);
  slider.value = Number(slider.value) + step;
  slider.dispatchEvent(new Event("input", { bubbles: true }));
})"""


def main() -> int:
    parser = argparse.ArgumentParser()
    parser.add_argument("--moves", type=int, default=60, help="of the slider, for each network")
    arguments = parser.parse_args()
    browser_path = shutil.which("chromium") or shutil.which("google-chrome")
    if browser_path is None:
        sys.exit("there is no chromium in PATH")
    from playwright.sync_api import sync_playwright

    command = [sys.executable, "-P", "-m", "shallownet_c", "play", "--port", "0", "--no-browser"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as server, sync_playwright() as playwright:
        try:
            address = server.stdout.readline().strip()
            browser = playwright.chromium.launch(executable_path=browser_path, args=["--no-sandbox"])
            page = browser.new_page(viewport={"width": 1440, "height": 900})
            print(f"{'milliseconds':34} {'first p50':>10} {'p95':>6} {'whole p50':>10} {'p95':>6}")
            for name, query in NETWORKS.items():
                page.goto(f"{address}?{query}")
                page.locator("html[data-shown-done=true]").wait_for()
                times = [page.evaluate(MOVE, 1 if move % 2 else -1) for move in range(arguments.moves)]
                cells = []
                for kind in zip(*times, strict=True):
                    cells += [f"{statistics.median(kind):10.0f}", f"{sorted(kind)[int(0.95 * len(kind))]:6.0f}"]
                print(f"{name:34} {' '.join(cells)}", flush=True)
            browser.close()
        finally:
            server.terminate()
    return 0


if __name__ == "__main__":
    sys.exit(main())
