/** Names of the core's rules, in the order of the core's table: the binding's `rules()` lists the same. */
export const RULE_IDS: readonly string[] = [
  'image-platform-mismatch',
  'asset-platform-unset',
  'capacity-architecture-mismatch',
  'dockerfile-platform-pinned',
  'copied-binary-foreign',
  'script-missing-shebang',
  'image-contents-mismatch',
  'ami-instance-mismatch',
];

/** The plugin's own rule: the check could not do its work, or not all of it. */
export const CHECK_INCOMPLETE = 'check-incomplete';
