import { type App, Stack } from 'aws-cdk-lib';
import * as ec2 from 'aws-cdk-lib/aws-ec2';
import { Platform } from 'aws-cdk-lib/aws-ecr-assets';
import * as ecs from 'aws-cdk-lib/aws-ecs';
import { checkedApp, dockerContext } from '../checked-app.ts';

const service = (options: { machineImage?: ec2.IMachineImage }) => (app: App) => {
  const stack = new Stack(app, 'Shop');
  const cluster = new ecs.Cluster(stack, 'Cluster');
  cluster.addCapacity('Bottlerocket', {
    instanceType: new ec2.InstanceType('c6g.large'),
    machineImageType: ecs.MachineImageType.BOTTLEROCKET,
    ...options,
  });
  const taskDefinition = new ecs.Ec2TaskDefinition(stack, 'Task');
  taskDefinition.addContainer('web', {
    image: ecs.ContainerImage.fromAsset(dockerContext, { platform: Platform.LINUX_ARM64 }),
    memoryLimitMiB: 512,
  });
  new ecs.Ec2Service(stack, 'Service', { cluster, taskDefinition });
};

const runs = [{ container: 'web', verdict: 'runs', runsOn: ['linux/arm64'] }] as const;

export default checkedApp({
  title: 'a Bottlerocket image is for x86 unless told, whatever instance it is given to',
  variants: {
    fails: {
      build: service({ machineImage: new ecs.BottleRocketImage({ variant: ecs.BottlerocketEcsVariant.AWS_ECS_2 }) }),
      expect: [{ container: 'web', verdict: 'fails', rules: ['ami-instance-mismatch'] }],
    },
    runs: {
      build: service({
        machineImage: new ecs.BottleRocketImage({
          variant: ecs.BottlerocketEcsVariant.AWS_ECS_2,
          architecture: ec2.InstanceArchitecture.ARM_64,
        }),
      }),
      expect: runs,
    },
    'runs as the CDK picks the image': { build: service({}), expect: runs },
  },
});
