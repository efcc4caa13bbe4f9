import { atomic, spawn, wait } from 'stackful';

const urls = ['http://127.0.0.1/'];
spawn(() => atomic(() => urls.map((url) => wait(fetch(url)).status))); // expect: atomic-parks
