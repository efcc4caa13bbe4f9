/** A listening socket that another program has passed, and keeps open: workers share it, and no connection that waits there is lost. */
export class InheritedPort {
  /** The same for each worker. */
  readonly fds: readonly number[];

  constructor(fd: number, workers: number) {
    this.fds = Array.from({ length: workers }, () => fd);
  }

  /** As of SharedPort. */
  async handOver(stop: (fds: readonly number[]) => Promise<unknown>): Promise<void> {
    await stop(this.fds);
  }
}
