import { spawn, wait } from 'stackful';

let token: Promise<string> | undefined;
const fetchToken = async (): Promise<string> => 'token';
const get = (): string => wait(token ??= fetchToken());
spawn(get);
spawn(get);
