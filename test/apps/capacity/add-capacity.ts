import { type App, Stack } from 'aws-cdk-lib';
import * as ec2 from 'aws-cdk-lib/aws-ec2';
import { Platform } from 'aws-cdk-lib/aws-ecr-assets';
import * as ecs from 'aws-cdk-lib/aws-ecs';
import { checkedApp, dockerContext } from '../checked-app.ts';

const service = (options: { machineImage?: ec2.IMachineImage }) => (app: App) => {
  const stack = new Stack(app, 'Shop');
  const cluster = new ecs.Cluster(stack, 'Cluster');
  cluster.addCapacity('Graviton', { instanceType: new ec2.InstanceType('t4g.medium'), ...options });
  const taskDefinition = new ecs.Ec2TaskDefinition(stack, 'Task');
  taskDefinition.addContainer('web', {
    image: ecs.ContainerImage.fromAsset(dockerContext, { platform: Platform.LINUX_ARM64 }),
    memoryLimitMiB: 512,
  });
  new ecs.Ec2Service(stack, 'Service', { cluster, taskDefinition });
};

export default checkedApp({
  title: 'addCapacity() takes an x86 machine image unless told, for Graviton instances too',
  variants: {
    fails: { build: service({}), expect: [{ container: 'web', verdict: 'fails', rules: ['ami-instance-mismatch'] }] },
    runs: {
      build: service({ machineImage: ecs.EcsOptimizedImage.amazonLinux2023(ecs.AmiHardwareType.ARM) }),
      expect: [{ container: 'web', verdict: 'runs', runsOn: ['linux/arm64'] }],
    },
    'runs on Amazon Linux 2': {
      build: service({ machineImage: ecs.EcsOptimizedImage.amazonLinux2(ecs.AmiHardwareType.ARM) }),
      expect: [{ container: 'web', verdict: 'runs', runsOn: ['linux/arm64'] }],
    },
  },
});
