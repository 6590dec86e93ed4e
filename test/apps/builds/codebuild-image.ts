import { type App, Stack } from 'aws-cdk-lib';
import * as codebuild from 'aws-cdk-lib/aws-codebuild';
import { DockerImageAsset, Platform } from 'aws-cdk-lib/aws-ecr-assets';
import { checkedApp, dockerContext } from '../checked-app.ts';

const project = (buildImage: (stack: Stack) => codebuild.IBuildImage) => (app: App) => {
  const stack = new Stack(app, 'Builds');
  new codebuild.Project(stack, 'Project', {
    environment: { buildImage: buildImage(stack) },
    buildSpec: codebuild.BuildSpec.fromObject({ version: '0.2', phases: { build: { commands: ['make'] } } }),
  });
};

const own = (platform: Platform) => (stack: Stack) =>
  codebuild.LinuxBuildImage.fromEcrRepository(...tagged(stack, platform));

function tagged(stack: Stack, platform: Platform): [DockerImageAsset['repository'], string] {
  const asset = new DockerImageAsset(stack, 'Image', { directory: dockerContext, platform });
  return [asset.repository, asset.imageTag];
}

const refused = { expect: [], apart: ['codebuild-image-mismatch'] };
const fine = { expect: [], apart: [] };

export default checkedApp({
  title: 'a build image that is not for the machine of its environment type',
  variants: {
    fails: {
      build: project(() =>
        codebuild.LinuxBuildImage.fromCodeBuildImageId('aws/codebuild/amazonlinux2-aarch64-standard:3.0'),
      ),
      ...refused,
    },
    runs: { build: project(() => codebuild.LinuxArmBuildImage.AMAZON_LINUX_2_STANDARD_3_0), ...fine },
    'fails with an image of the app': { build: project(own(Platform.LINUX_ARM64)), ...refused },
    'runs with an image of the app': { build: project(own(Platform.LINUX_AMD64)), ...fine },
    'runs with each image that the CDK names': {
      build(app) {
        const stack = new Stack(app, 'Builds');
        const buildSpec = codebuild.BuildSpec.fromObject({ version: '0.2' });
        const classes = [
          codebuild.LinuxBuildImage,
          codebuild.LinuxArmBuildImage,
          codebuild.LinuxLambdaBuildImage,
          codebuild.LinuxArmLambdaBuildImage,
          codebuild.WindowsBuildImage,
          codebuild.LinuxGpuBuildImage,
        ];
        for (const [group, images] of classes.entries()) {
          for (const [name, buildImage] of Object.entries(images as unknown as Record<string, codebuild.IBuildImage>)) {
            if (typeof buildImage !== 'object' || !buildImage.imageId) continue;
            new codebuild.Project(stack, `${group}${name}`, { buildSpec, environment: { buildImage } });
          }
        }
      },
      ...fine,
    },
  },
});
