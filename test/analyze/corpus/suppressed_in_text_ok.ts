// A comment like // stackful-analyze-ignore RULE: reason suppresses a finding.
export const help = 'write // stackful-analyze-ignore RULE: reason';
