import { type App, Stack } from 'aws-cdk-lib';
import * as ec2 from 'aws-cdk-lib/aws-ec2';
import { Platform } from 'aws-cdk-lib/aws-ecr-assets';
import * as ecs from 'aws-cdk-lib/aws-ecs';
import * as sfn from 'aws-cdk-lib/aws-stepfunctions';
import * as tasks from 'aws-cdk-lib/aws-stepfunctions-tasks';
import { checkedApp, dockerContext } from '../checked-app.ts';

const run = (stack: Stack, cluster: ecs.ICluster, taskDefinition: ecs.TaskDefinition, how: tasks.IEcsLaunchTarget) =>
  new sfn.StateMachine(stack, 'StateMachine', {
    definitionBody: sfn.DefinitionBody.fromChainable(
      new tasks.EcsRunTask(stack, 'Transcode', {
        cluster,
        taskDefinition,
        launchTarget: how,
        integrationPattern: sfn.IntegrationPattern.RUN_JOB,
      }),
    ),
  });

const onFargate = (platform: Platform) => (app: App) => {
  const stack = new Stack(app, 'Videos');
  const taskDefinition = new ecs.FargateTaskDefinition(stack, 'Task', {
    runtimePlatform: { cpuArchitecture: ecs.CpuArchitecture.ARM64 },
  });
  taskDefinition.addContainer('ffmpeg', { image: ecs.ContainerImage.fromAsset(dockerContext, { platform }) });
  run(stack, new ecs.Cluster(stack, 'Cluster'), taskDefinition, new tasks.EcsFargateLaunchTarget());
};

const onEc2 = (platform: Platform) => (app: App) => {
  const stack = new Stack(app, 'Videos');
  const cluster = new ecs.Cluster(stack, 'Cluster');
  cluster.addCapacity('Graviton', {
    instanceType: new ec2.InstanceType('c7g.4xlarge'),
    machineImage: ecs.EcsOptimizedImage.amazonLinux2023(ecs.AmiHardwareType.ARM),
  });
  const taskDefinition = new ecs.Ec2TaskDefinition(stack, 'Task');
  taskDefinition.addContainer('ffmpeg', {
    image: ecs.ContainerImage.fromAsset(dockerContext, { platform }),
    memoryLimitMiB: 4096,
  });
  run(stack, cluster, taskDefinition, new tasks.EcsEc2LaunchTarget());
};

const ffmpeg = { container: 'ffmpeg', runsOn: ['linux/arm64'] };
const fails = [{ ...ffmpeg, verdict: 'fails', rules: ['image-platform-mismatch'] }] as const;
const runs = [{ ...ffmpeg, verdict: 'runs' }] as const;

export default checkedApp({
  title: 'a state machine runs the task, and names its definition only inside a text',
  variants: {
    fails: { build: onFargate(Platform.LINUX_AMD64), expect: fails },
    runs: { build: onFargate(Platform.LINUX_ARM64), expect: runs },
    'fails on EC2': { build: onEc2(Platform.LINUX_AMD64), expect: fails },
    'runs on EC2': { build: onEc2(Platform.LINUX_ARM64), expect: runs },
  },
});
