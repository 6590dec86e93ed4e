/** Names of the core's rules, in the order of the core's table: the binding's `rules()` lists the same. */
export const RULE_IDS: readonly string[] = [
  'ami-instance-mismatch',
  'architecture-misspelled',
  'architecture-unsupported',
  'asset-platform-unset',
  'capacity-architecture-mismatch',
  'capacity-mixed',
  'image-platform-mismatch',
  'image-platform-missing',
  'operating-system-mismatch',
  'runtime-platform-unset',
];

/** The plugin's own rule: the check could not do its work, or not all of it. */
export const CHECK_INCOMPLETE = 'check-incomplete';
