// The same shop, put right by one line: build platform and cpuArchitecture are set together, for every image and every task.
import path from 'node:path';
import { App, Stack, Validations } from 'aws-cdk-lib';
import * as ecs from 'aws-cdk-lib/aws-ecs';
import { ArchImage, ArchitectureCheck, TargetArchitecture } from 'cdk-ecs-arch';

const app = new App();
TargetArchitecture.ARM64.applyTo(app);
const stack = new Stack(app, 'Shop');

const task = new ecs.FargateTaskDefinition(stack, 'Web', { cpu: 512, memoryLimitMiB: 1024 });
task.addContainer('web', {
  image: ArchImage.fromAsset(path.join(__dirname, 'web'), { architecture: TargetArchitecture.ARM64 }),
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
