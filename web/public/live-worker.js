// The one stream of a browser: all tabs share this worker, for a browser has six connections to a server and a stream takes one.
// It passes events on to every tab, and says when the stream is lost: EventSource comes back by itself, with the last id. One that
// is silent though the server pings is dead, whatever EventSource thinks of it: a new one goes on at the same place.
"use strict";
const LOOK_MS = 1_000, RETRY_MS = 2_000;
const types = ["hello", "provider", "worker", "gauge", "job", "attempt", "event", "config", "notice", "reset", "ping"];
const tabs = new Set();
let source = null, heard = 0, silence = 35_000, lastId = "", isUp = false;

const tell = message => tabs.forEach(tab => tab.postMessage(message));
const set = up => { if (up !== isUp) { isUp = up; tell({ type: "state", up }); } };

function open() {
  source?.close();
  source = new EventSource(lastId ? `/api/live?last_event_id=${encodeURIComponent(lastId)}` : "/api/live");
  heard = Date.now();
  for (const type of types) source.addEventListener(type, event => {
    const data = JSON.parse(event.data);
    heard = Date.now();
    lastId = event.lastEventId;
    if (type === "hello") silence = 2 * data.patch.ping_ms + 5_000;
    set(true);
    if (type !== "ping") tell({ type, data });
  });
  source.onerror = () => {
    set(false);
    if (source.readyState === EventSource.CLOSED) { const lost = source; setTimeout(() => { if (source === lost && tabs.size) open(); }, RETRY_MS); }
  };
}

setInterval(() => { if (source && tabs.size && Date.now() - heard > silence) { set(false); open(); } }, LOOK_MS);

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
