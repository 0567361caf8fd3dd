// A worker as a process of its own, to be killed: node worker_process.mjs PORT KEY MODEL SLOTS. It begins jobs and never
// ends them.
import { Worker } from './worker.mjs';

const [port, key, model, slots] = process.argv.slice(2);
const worker = await Worker.start({ port: Number(port), url: `http://127.0.0.1:${port}` }, key, { models: [model], slots: Number(slots) });
let begun = 0;
worker.serve = job => {
    job.begin();
    if (job.wants_stream) job.open_stream();
    console.log(`begun ${++begun}`);
};
console.log(`ready ${worker.id}`);
