import http from 'node:http';
import { readFile } from 'stackful/fs';

http.createServer((request, response) => {
  response.end(readFile('index.html')); // expect: wrong-stack
}).listen(8080);
