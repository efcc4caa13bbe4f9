import { spawn } from 'stackful/child_process';
import { spawn as start } from 'stackful';

const child = await start(() => spawn('true'));
{
  using _child = child; // expect: wrong-stack
}
