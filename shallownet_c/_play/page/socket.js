// The conversation with the server: settings go out, points and frames come in.

// A message: the header's length, the header as JSON, then numbers as float32.
export function unpack(buffer) {
  const length = new DataView(buffer).getUint32(0, true);
  const header = JSON.parse(new TextDecoder().decode(new Uint8Array(buffer, 4, length)));
  return { header, numbers: new Float32Array(buffer, 4 + length) };
}

export function connect(receive, ended) {
  const address = new URL("socket", location.href);
  address.protocol = "ws:";
  address.search = "";
  const socket = new WebSocket(address);
  socket.binaryType = "arraybuffer";
  const opened = new Promise((resolve) => socket.addEventListener("open", resolve));
  socket.addEventListener("message", ({ data }) => receive(unpack(data)));
  socket.addEventListener("close", ({ code }) => ended(code));
  return (request) => opened.then(() => socket.readyState === WebSocket.OPEN && socket.send(JSON.stringify(request)));
}
