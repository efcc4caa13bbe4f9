import { EventEmitter } from 'node:events';
import { sleep } from 'stackful';

const news = new EventEmitter();
news.on('story', () => sleep(1));
news.emit('story'); // expect: wrong-stack
