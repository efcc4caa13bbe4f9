import { Channel, otherwise, select, spawn } from 'stackful';

const news = new Channel<string>(1);
spawn(() => console.log(select({ news, otherwise }).key));
