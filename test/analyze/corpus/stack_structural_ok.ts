interface Job {
  run(): void;
}
const job = { run(): void { console.log('quick'); } };
function start(one: Job): void {
  one.run();
}
start(job);
