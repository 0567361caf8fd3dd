// The one stream of a browser: all tabs share this worker, for a browser has six connections to a server and a stream takes one.
// It passes events on to every tab, and says when the stream is lost: EventSource comes back by itself, with the last id.
"use strict";
const SILENCE_MS = 35_000, LOOK_MS = 5_000, RETRY_MS = 2_000;
const types = ["hello", "provider", "worker", "gauge", "job", "attempt", "event", "config", "notice", "reset"];
const tabs = new Set();
let source = null, heard = 0, isUp = false;

const tell = message => tabs.forEach(tab => tab.postMessage(message));
const set = up => { if (up !== isUp) { isUp = up; tell({ type: "state", up }); } };

function open() {
  source?.close();
  source = new EventSource("/api/live");
  heard = Date.now();
  for (const type of types) source.addEventListener(type, event => {
    heard = Date.now();
    set(true);
    tell({ type, data: JSON.parse(event.data) });
  });
  source.onerror = () => {
    set(false);
    if (source.readyState === EventSource.CLOSED) { const lost = source; setTimeout(() => { if (source === lost && tabs.size) open(); }, RETRY_MS); }
  };
}

// Pings are comments, which EventSource does not show; gauges and figures come often enough while anything happens.
setInterval(() => { if (source && tabs.size && source.readyState !== EventSource.OPEN && Date.now() - heard > SILENCE_MS) open(); }, LOOK_MS);

onconnect = ({ ports: [tab] }) => {
  tabs.add(tab);
  tab.onmessage = ({ data }) => {
    if (data !== "bye") return;
    tabs.delete(tab);
    if (tabs.size === 0) { source?.close(); source = null; isUp = false; }
  };
  if (!source) open();
  tab.postMessage({ type: "state", up: isUp });
};
