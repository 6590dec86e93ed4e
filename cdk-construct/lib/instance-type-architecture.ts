/**
 * The architecture of an EC2 instance type, asked of the native core.
 *
 * The rule itself lives in the core, so that the construct and the check cannot disagree; this file only says in which
 * cases it cannot be asked.
 */
import { Token } from 'aws-cdk-lib';
import type * as ec2 from 'aws-cdk-lib/aws-ec2';
import { loadNativeBinding } from './native-binding';
import type { EcsArchitecture } from './task-architecture';

/**
 * @throws Error with one sentence: the name is a token, the core does not know it, or the core is not there
 */
export function architectureOfInstanceType(instanceType: ec2.InstanceType): EcsArchitecture {
  const name = instanceType.toString();
  if (Token.isUnresolved(name)) {
    throw new Error('the architecture of an instance type that is known only at deployment cannot be told');
  }
  switch (loadNativeBinding().architectureOfInstanceType(name)) {
    case 'arm64':
      return 'ARM64';
    case 'x86_64':
      return 'X86_64';
    default:
      throw new Error(`the architecture of instance type \`${name}\` is not known`);
  }
}
