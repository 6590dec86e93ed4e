import { type App, Stack } from 'aws-cdk-lib';
import { Platform } from 'aws-cdk-lib/aws-ecr-assets';
import * as ecs from 'aws-cdk-lib/aws-ecs';
import * as iam from 'aws-cdk-lib/aws-iam';
import { checkedApp, dockerContext } from '../checked-app.ts';

const services =
  (platform: Platform, options: { alsoOnFargate?: boolean } = {}) =>
  (app: App) => {
    const stack = new Stack(app, 'Shop');
    const taskDefinition = new ecs.FargateTaskDefinition(stack, 'Task', {
      runtimePlatform: { cpuArchitecture: ecs.CpuArchitecture.X86_64 },
    });
    taskDefinition.addContainer('web', { image: ecs.ContainerImage.fromAsset(dockerContext, { platform }) });
    new ecs.CfnExpressGatewayService(stack, 'Express', {
      infrastructureRoleArn: new iam.Role(stack, 'InfrastructureRole', {
        assumedBy: new iam.ServicePrincipal('ecs.amazonaws.com'),
      }).roleArn,
      taskDefinitionArn: taskDefinition.taskDefinitionArn,
    });
    if (options.alsoOnFargate) {
      new ecs.FargateService(stack, 'Service', { cluster: new ecs.Cluster(stack, 'Cluster'), taskDefinition });
    }
  };

const web = { container: 'web', task: 'Shop/Task' };

export default checkedApp({
  title: 'Express Mode moves a task to the architecture of its image, and an ordinary service does not',
  variants: {
    fails: {
      build: services(Platform.LINUX_ARM64, { alsoOnFargate: true }),
      expect: [{ ...web, verdict: 'fails', rules: ['image-platform-mismatch'] }],
    },
    // ECS documents that an Express deployment which detects a mismatch runs the task elsewhere (RuntimePlatformOverride).
    'is not known as Express Mode alone may adapt': {
      build: services(Platform.LINUX_ARM64),
      expect: [{ ...web, verdict: 'unknown', imagePlatforms: ['linux/arm64'] }],
    },
    runs: {
      build: services(Platform.LINUX_AMD64),
      expect: [{ ...web, verdict: 'runs', runsOn: ['linux/amd64'] }],
    },
  },
});
