// BullMQ as an app uses it: a handler adds a job, a worker of the same process posts it on.
// Arguments: the directory of its Redis, then options of `redis-server`. Prints its port.
import { spawn } from 'node:child_process';
import http from 'node:http';
import { join } from 'node:path';
import { Queue, Worker } from 'bullmq';

const [directory, ...options] = process.argv.slice(2);
const path = join(directory, 'redis.sock');
spawn('redis-server', ['--port', '0', '--unixsocket', path, '--dir', directory, ...options], {
  stdio: 'ignore',
});
const connection = { path, maxRetriesPerRequest: null };
const defaultJobOptions = {
  attempts: 4,
  backoff: { type: 'exponential', delay: 1000 },
  removeOnComplete: true,
};
const queue = new Queue('messages', { connection, defaultJobOptions });
const agent = new http.Agent({ keepAlive: true });

function deliver({ target, type, body }) {
  return new Promise((resolve, reject) => {
    const headers = { 'Content-Type': type, 'Content-Length': Buffer.byteLength(body) };
    const request = http.request(target, { method: 'POST', agent, headers }, (answer) => {
      answer.resume();
      answer.on('end', () =>
        answer.statusCode < 300 ? resolve() : reject(new Error(`status ${answer.statusCode}`)),
      );
    });
    request.on('error', reject);
    request.end(body);
  });
}

const errors = [queue, new Worker('messages', (job) => deliver(job.data), { connection, concurrency: 100 })];
// Redis is not there in the first moment.
for (const one of errors) one.on('error', () => {});
await queue.waitUntilReady();

const server = http.createServer(async (request, answer) => {
  const parts = [];
  for await (const part of request) parts.push(part);
  const delay = 1000 * parseInt(request.headers['upstash-delay'] ?? '0');
  const target = request.url.slice('/v2/publish/'.length);
  const body = Buffer.concat(parts).toString();
  const job = await queue.add('message', { target, type: request.headers['content-type'], body }, { delay });
  const text = JSON.stringify({ messageId: job.id });
  answer.writeHead(201, { 'Content-Length': text.length }).end(text);
});
server.listen(0, '127.0.0.1', () => console.log(server.address().port));
