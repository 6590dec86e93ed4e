import { type App, Stack } from 'aws-cdk-lib';
import * as ec2 from 'aws-cdk-lib/aws-ec2';
import { Platform } from 'aws-cdk-lib/aws-ecr-assets';
import * as ecs from 'aws-cdk-lib/aws-ecs';
import { checkedApp, dockerContext } from '../checked-app.ts';

interface Constraints {
  readonly onTask?: ecs.PlacementConstraint[];
  readonly onService?: ecs.PlacementConstraint[];
}

const service = (constraints: Constraints) => (app: App) => {
  const stack = new Stack(app, 'Shop');
  const cluster = new ecs.Cluster(stack, 'Cluster');
  cluster.addCapacity('Graviton', {
    instanceType: new ec2.InstanceType('t4g.large'),
    machineImage: ecs.EcsOptimizedImage.amazonLinux2023(ecs.AmiHardwareType.ARM),
  });
  cluster.addCapacity('Intel', {
    instanceType: new ec2.InstanceType('t3.large'),
    machineImage: ecs.EcsOptimizedImage.amazonLinux2023(),
  });
  const taskDefinition = new ecs.Ec2TaskDefinition(stack, 'Task', { placementConstraints: constraints.onTask });
  taskDefinition.addContainer('web', {
    image: ecs.ContainerImage.fromAsset(dockerContext, { platform: Platform.LINUX_ARM64 }),
    memoryLimitMiB: 512,
  });
  new ecs.Ec2Service(stack, 'Service', { cluster, taskDefinition, placementConstraints: constraints.onService });
};

const memberOf = (expression: string) => [ecs.PlacementConstraint.memberOf(expression)];
const runsOnArm64 = [{ container: 'web', verdict: 'runs', runsOn: ['linux/arm64'] }] as const;

export default checkedApp({
  title: 'a placement constraint that leads away from the architecture of the image',
  variants: {
    fails: {
      build: service({ onTask: memberOf('attribute:ecs.cpu-architecture == x86_64') }),
      expect: [{ container: 'web', verdict: 'fails', rules: ['image-platform-mismatch'], runsOn: ['linux/amd64'] }],
    },
    'fails with a constraint about something else': {
      build: service({ onService: [ecs.PlacementConstraint.distinctInstances()] }),
      expect: [
        {
          container: 'web',
          verdict: 'fails',
          rules: ['runtime-platform-unset'],
          runsOn: ['linux/amd64', 'linux/arm64'],
        },
      ],
    },
    runs: {
      build: service({ onTask: memberOf('attribute:ecs.cpu-architecture == arm64') }),
      expect: runsOnArm64,
    },
    'runs with the constraint on the service': {
      build: service({ onService: memberOf('attribute:ecs.cpu-architecture == arm64') }),
      expect: runsOnArm64,
    },
    'runs with a constraint on the instance type': {
      build: service({ onService: memberOf('attribute:ecs.instance-type =~ t4g.*') }),
      expect: runsOnArm64,
    },
  },
});
