import { type App, Stack } from 'aws-cdk-lib';
import { Platform } from 'aws-cdk-lib/aws-ecr-assets';
import * as ecs from 'aws-cdk-lib/aws-ecs';
import { checkedApp, dockerContext } from '../checked-app.ts';

const service = (cpuArchitecture: ecs.CpuArchitecture, platform?: Platform) => (app: App) => {
  const stack = new Stack(app, 'Shop');
  const taskDefinition = new ecs.FargateTaskDefinition(stack, 'Task', { runtimePlatform: { cpuArchitecture } });
  taskDefinition.addContainer('web', { image: ecs.ContainerImage.fromAsset(dockerContext, { platform }) });
  new ecs.FargateService(stack, 'Service', { cluster: new ecs.Cluster(stack, 'Cluster'), taskDefinition });
};

const atRisk = { container: 'web', verdict: 'at-risk', rules: ['asset-platform-unset'], imagePlatforms: null } as const;

export default checkedApp({
  title: 'an asset without a platform is built for whatever machine deploys it',
  variants: {
    fails: {
      build: service(ecs.CpuArchitecture.X86_64, Platform.LINUX_ARM64),
      expect: [{ container: 'web', verdict: 'fails', rules: ['image-platform-mismatch'] }],
    },
    'at risk on X86_64': {
      build: service(ecs.CpuArchitecture.X86_64),
      expect: [{ ...atRisk, runsOn: ['linux/amd64'] }],
    },
    'at risk on ARM64': { build: service(ecs.CpuArchitecture.ARM64), expect: [{ ...atRisk, runsOn: ['linux/arm64'] }] },
    runs: {
      build: service(ecs.CpuArchitecture.X86_64, Platform.LINUX_AMD64),
      expect: [{ container: 'web', verdict: 'runs' }],
    },
  },
});
