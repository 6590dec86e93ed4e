import { type App, Stack } from 'aws-cdk-lib';
import { Platform } from 'aws-cdk-lib/aws-ecr-assets';
import * as ecs from 'aws-cdk-lib/aws-ecs';
import { checkedApp, dockerContext } from '../checked-app.ts';

const windows = (cpuArchitecture: string, platform: Platform) => (app: App) => {
  const stack = new Stack(app, 'Legacy');
  const taskDefinition = new ecs.FargateTaskDefinition(stack, 'Task', {
    cpu: 1024,
    memoryLimitMiB: 2048,
    runtimePlatform: { operatingSystemFamily: ecs.OperatingSystemFamily.WINDOWS_SERVER_2022_CORE },
  });
  // The level-2 construct accepts X86_64 alone for Windows; an escape hatch does not.
  const task = taskDefinition.node.defaultChild as ecs.CfnTaskDefinition;
  task.addPropertyOverride('RuntimePlatform.CpuArchitecture', cpuArchitecture);
  taskDefinition.addContainer('iis', { image: ecs.ContainerImage.fromAsset(dockerContext, { platform }) });
  new ecs.FargateService(stack, 'Service', { cluster: new ecs.Cluster(stack, 'Cluster'), taskDefinition });
};

export default checkedApp({
  title: 'Windows on ARM64, which ECS does not have',
  variants: {
    fails: {
      build: windows('ARM64', Platform.custom('windows/arm64')),
      expect: [{ container: 'iis', verdict: 'fails', rules: ['architecture-unsupported'] }],
    },
    'fails with a Linux image': {
      build: windows('X86_64', Platform.LINUX_AMD64),
      expect: [
        {
          container: 'iis',
          verdict: 'fails',
          rules: ['operating-system-mismatch'],
          imagePlatforms: ['linux/amd64'],
          runsOn: ['windows/amd64'],
        },
      ],
    },
    runs: {
      build: windows('X86_64', Platform.custom('windows/amd64')),
      expect: [{ container: 'iis', verdict: 'runs', imagePlatforms: ['windows/amd64'], runsOn: ['windows/amd64'] }],
    },
  },
});
