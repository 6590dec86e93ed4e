import { type App, DefaultStackSynthesizer, Stack } from 'aws-cdk-lib';
import { Platform } from 'aws-cdk-lib/aws-ecr-assets';
import * as ecs from 'aws-cdk-lib/aws-ecs';
import { checkedApp, dockerContext } from '../checked-app.ts';

const service = (platform: Platform) => (app: App) => {
  const stack = new Stack(app, 'Shop', { synthesizer: new DefaultStackSynthesizer({ qualifier: 'shop' }) });
  const taskDefinition = new ecs.FargateTaskDefinition(stack, 'Task', {
    runtimePlatform: { cpuArchitecture: ecs.CpuArchitecture.ARM64 },
  });
  taskDefinition.addContainer('web', { image: ecs.ContainerImage.fromAsset(dockerContext, { platform }) });
  new ecs.FargateService(stack, 'Service', { cluster: new ecs.Cluster(stack, 'Cluster'), taskDefinition });
};

export default checkedApp({
  title: 'the account was bootstrapped with a qualifier of its own',
  variants: {
    fails: {
      build: service(Platform.LINUX_AMD64),
      expect: [
        { container: 'web', verdict: 'fails', rules: ['image-platform-mismatch'], imagePlatforms: ['linux/amd64'] },
      ],
    },
    runs: {
      build: service(Platform.LINUX_ARM64),
      expect: [{ container: 'web', verdict: 'runs', imagePlatforms: ['linux/arm64'] }],
    },
  },
});
