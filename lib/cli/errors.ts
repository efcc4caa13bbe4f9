/** Ends the program with its message and exit code 1. */
export class CliError extends Error {}

/** The same for wrong arguments: exit code 2, and the help. */
export class UsageError extends Error {}
