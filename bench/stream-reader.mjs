// An open page, as far as the server can tell: reads the event streams named by its arguments until it is ended.
const streams = await Promise.all(process.argv.slice(2).map((url) => fetch(url)));
process.send?.('open');
await Promise.all(streams.map((stream) => stream.body.pipeTo(new WritableStream()).catch(() => undefined)));
