import { EventEmitter } from 'node:events';
import { sleep, spawn } from 'stackful';

const news = new EventEmitter();
news.on('item', () => sleep(1));
spawn(() => news.emit('item'));
