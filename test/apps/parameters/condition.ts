import { type App, CfnCondition, CfnParameter, Fn, Stack } from 'aws-cdk-lib';
import { DockerImageAsset, Platform } from 'aws-cdk-lib/aws-ecr-assets';
import * as ecs from 'aws-cdk-lib/aws-ecs';
import { checkedApp, dockerContext } from '../checked-app.ts';

interface Choice {
  readonly image: [whenArm: Platform, otherwise: Platform];
  readonly architecture: [whenArm: string, otherwise: string];
}

const service =
  ({ image, architecture }: Choice) =>
  (app: App) => {
    const stack = new Stack(app, 'Shop');
    const useArm = new CfnParameter(stack, 'UseArm', { allowedValues: ['yes', 'no'], default: 'no' });
    const condition = new CfnCondition(stack, 'OnArm', { expression: Fn.conditionEquals(useArm, 'yes') });
    const either = (whenArm: string, otherwise: string) =>
      Fn.conditionIf(condition.logicalId, whenArm, otherwise).toString();
    const [uriWhenArm, uriOtherwise] = image.map(
      (platform, index) =>
        new DockerImageAsset(stack, `Image${index}`, { directory: dockerContext, platform }).imageUri,
    );

    const taskDefinition = new ecs.FargateTaskDefinition(stack, 'Task', {
      runtimePlatform: { cpuArchitecture: ecs.CpuArchitecture.of(either(...architecture)) },
    });
    taskDefinition.addContainer('web', {
      image: ecs.ContainerImage.fromRegistry(either(uriWhenArm as string, uriOtherwise as string)),
    });
    new ecs.FargateService(stack, 'Service', { cluster: new ecs.Cluster(stack, 'Cluster'), taskDefinition });
  };

const { LINUX_AMD64: amd64, LINUX_ARM64: arm64 } = Platform;
const mismatch = ['image-platform-mismatch'];

export default checkedApp({
  title: 'image and architecture depend on one condition, and belong together',
  variants: {
    fails: {
      build: service({ image: [amd64, arm64], architecture: ['ARM64', 'X86_64'] }),
      expect: [{ container: 'web', verdict: 'fails', rules: mismatch }],
    },
    'at risk when only the image depends on it': {
      build: service({ image: [arm64, amd64], architecture: ['X86_64', 'X86_64'] }),
      expect: [{ container: 'web', verdict: 'at-risk', rules: mismatch, runsOn: ['linux/amd64'] }],
    },
    'at risk when only the architecture depends on it': {
      build: service({ image: [amd64, amd64], architecture: ['ARM64', 'X86_64'] }),
      expect: [{ container: 'web', verdict: 'at-risk', rules: mismatch, imagePlatforms: ['linux/amd64'] }],
    },
    runs: {
      build: service({ image: [arm64, amd64], architecture: ['ARM64', 'X86_64'] }),
      expect: [{ container: 'web', verdict: 'runs' }],
    },
  },
});
