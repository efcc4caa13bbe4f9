import { spawn as start } from 'stackful';
import { spawn } from 'stackful/child_process';

await start(() => {
  using child = spawn('true');
  console.log(child.wait());
});
