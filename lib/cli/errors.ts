/** Ends the program with its message and exit code 1. */
export class CliError extends Error {}

/** An error of the program that `stackful run` runs. */
export class ProgramError extends Error {
  constructor(override readonly cause: unknown) {
    super('the program failed');
  }
}

/** Ends the program for wrong arguments: exit code 2, and the help. */
export class UsageError extends Error {}
