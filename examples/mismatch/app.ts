// A shop on Fargate, with its own log router, as it often looks: the team moved to Apple-silicon laptops, someone wrote down the
// platform that works there, and nobody told the task. `cdk synth` fails, because `ArchitectureCheck` is plugged in.
import path from 'node:path';
import { App, Stack, Validations } from 'aws-cdk-lib';
import { Platform } from 'aws-cdk-lib/aws-ecr-assets';
import * as ecs from 'aws-cdk-lib/aws-ecs';
import { ArchitectureCheck } from 'cdk-ecs-arch';

const app = new App();
const stack = new Stack(app, 'Shop');

const task = new ecs.FargateTaskDefinition(stack, 'Web', { cpu: 512, memoryLimitMiB: 1024 });
task.addContainer('web', {
  image: ecs.ContainerImage.fromAsset(path.join(__dirname, 'web'), { platform: Platform.LINUX_ARM64 }),
  portMappings: [{ containerPort: 80 }],
  logging: ecs.LogDrivers.firelens({}),
});
task.addFirelensLogRouter('router', {
  image: ecs.ContainerImage.fromAsset(path.join(__dirname, 'router')),
  firelensConfig: { type: ecs.FirelensLogRouterType.FLUENTBIT },
  essential: false,
});

new ecs.FargateService(stack, 'Service', {
  cluster: new ecs.Cluster(stack, 'Cluster'),
  taskDefinition: task,
  minHealthyPercent: 100,
  circuitBreaker: { rollback: true },
});

Validations.of(app).addPlugins(new ArchitectureCheck());
