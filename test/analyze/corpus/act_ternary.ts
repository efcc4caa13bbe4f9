import { sleep, spawn } from 'stackful';

let token: string | undefined;
const fetchToken = (): string => (sleep(1), 'token');
const get = (): string => token ? token : (token = fetchToken()); // expect: check-then-act
spawn(get);
spawn(get);
