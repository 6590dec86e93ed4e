import { AppStagingSynthesizer } from '@aws-cdk/app-staging-synthesizer-alpha';
import { type App, Stack } from 'aws-cdk-lib';
import { Platform } from 'aws-cdk-lib/aws-ecr-assets';
import * as ecs from 'aws-cdk-lib/aws-ecs';
import { BucketEncryption } from 'aws-cdk-lib/aws-s3';
import { checkedApp, dockerContext } from '../checked-app.ts';

const service = (platform: Platform) => (app: App) => {
  const stack = new Stack(app, 'Shop', {
    synthesizer: AppStagingSynthesizer.defaultResources({
      appId: 'shop',
      stagingBucketEncryption: BucketEncryption.S3_MANAGED,
      imageAssetVersionCount: 10,
    }),
  });
  const taskDefinition = new ecs.FargateTaskDefinition(stack, 'Task', {
    runtimePlatform: { cpuArchitecture: ecs.CpuArchitecture.ARM64 },
  });
  taskDefinition.addContainer('web', {
    image: ecs.ContainerImage.fromAsset(dockerContext, { platform, assetName: 'web' }),
  });
  new ecs.FargateService(stack, 'Service', { cluster: new ecs.Cluster(stack, 'Cluster'), taskDefinition });
};

export default checkedApp({
  title: 'the app has staging resources of its own, and a repository for each image',
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
