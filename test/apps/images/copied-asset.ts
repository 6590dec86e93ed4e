import { type App, CustomResource, Stack } from 'aws-cdk-lib';
import * as ecr from 'aws-cdk-lib/aws-ecr';
import { DockerImageAsset, Platform } from 'aws-cdk-lib/aws-ecr-assets';
import * as ecs from 'aws-cdk-lib/aws-ecs';
import { checkedApp, dockerContext } from '../checked-app.ts';

/** The asset is copied to a repository of the app, by the custom resource of cdk-ecr-deployment as its version 4 writes it. */
const service = (platform: Platform, tag: string) => (app: App) => {
  const stack = new Stack(app, 'Shop');
  const asset = new DockerImageAsset(stack, 'Image', { directory: dockerContext, platform });
  const repository = new ecr.Repository(stack, 'Repository');
  new CustomResource(stack, 'Copy', {
    serviceToken: 'arn:aws:lambda:eu-west-1:111111111111:function:copy',
    resourceType: 'Custom::CDKECRDeployment',
    properties: { SrcImage: `docker://${asset.imageUri}`, DestImage: `docker://${repository.repositoryUri}:v1` },
  });
  const taskDefinition = new ecs.FargateTaskDefinition(stack, 'Task', {
    runtimePlatform: { cpuArchitecture: ecs.CpuArchitecture.ARM64 },
  });
  taskDefinition.addContainer('web', { image: ecs.ContainerImage.fromEcrRepository(repository, tag) });
};

const web = { container: 'web', runsOn: ['linux/arm64'] } as const;

export default checkedApp({
  title: 'the image is a copy of an asset in a repository of the app',
  variants: {
    fails: {
      build: service(Platform.LINUX_AMD64, 'v1'),
      expect: [{ ...web, verdict: 'fails', rules: ['image-platform-mismatch'], imagePlatforms: ['linux/amd64'] }],
    },
    runs: {
      build: service(Platform.LINUX_ARM64, 'v1'),
      expect: [{ ...web, verdict: 'runs', imagePlatforms: ['linux/arm64'] }],
    },
    'is not known by another tag': {
      build: service(Platform.LINUX_AMD64, 'v2'),
      expect: [{ ...web, verdict: 'unknown', imagePlatforms: null }],
    },
  },
});
