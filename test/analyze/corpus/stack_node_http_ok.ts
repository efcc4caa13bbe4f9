import http from 'node:http';
import { coroutine } from 'stackful/embed';
import { readFile } from 'stackful/fs';

http.createServer(coroutine((request, response) => {
  response.end(readFile('index.html'));
})).listen(8080);
