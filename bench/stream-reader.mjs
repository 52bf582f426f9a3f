// Acts as an open page: reads the event streams given as arguments until it is stopped.
const streams = await Promise.all(process.argv.slice(2).map((url) => fetch(url)));
process.send?.('open');
await Promise.all(streams.map((stream) => stream.body.pipeTo(new WritableStream()).catch(() => undefined)));
