// The baseline: a stock Express 5 that parses JSON and echoes it.
import express from 'express';

const app = express();
app.use(express.json());
app.post('/echo', (req, res) => {
  res.json(req.body);
});
const server = app.listen(0, '127.0.0.1', () => process.send?.(server.address().port));
