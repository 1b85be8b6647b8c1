// The conversation with the server: settings go out, points and frames come in.

// A message: the header's length, the header as JSON, then numbers as float32.
export function unpack(buffer) {
  const length = new DataView(buffer).getUint32(0, true);
  const header = JSON.parse(new TextDecoder().decode(new Uint8Array(buffer, 4, length)));
  return { header, numbers: new Float32Array(buffer, 4 + length) };
}

// A function that sends requests, and opens the connection anew where it has been closed; `closed` is told of that by
// its code, and whether it has ever been open.
export function connect(receive, closed) {
  const address = new URL("socket", location.href);
  address.protocol = "ws:";
  address.search = "";
  let socket = null;
  let opened = null;
  const open = () => {
    let wasOpen = false;
    socket = new WebSocket(address);
    socket.binaryType = "arraybuffer";
    opened = new Promise((resolve) => socket.addEventListener("open", resolve));
    opened.then(() => (wasOpen = true));
    socket.addEventListener("message", ({ data }) => receive(unpack(data)));
    socket.addEventListener("close", ({ code }) => closed(code, wasOpen));
  };
  return (request) => {
    if (socket === null || socket.readyState === WebSocket.CLOSED) open();
    const to = socket;
    opened.then(() => to.send(JSON.stringify(request)));
  };
}
