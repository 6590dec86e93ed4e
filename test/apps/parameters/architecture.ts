import { type App, CfnParameter, type CfnParameterProps, Stack } from 'aws-cdk-lib';
import { Platform } from 'aws-cdk-lib/aws-ecr-assets';
import * as ecs from 'aws-cdk-lib/aws-ecs';
import { checkedApp, dockerContext } from '../checked-app.ts';

const service = (props: CfnParameterProps) => (app: App) => {
  const stack = new Stack(app, 'Shop');
  const parameter = new CfnParameter(stack, 'CpuArchitecture', props);
  const taskDefinition = new ecs.FargateTaskDefinition(stack, 'Task', {
    runtimePlatform: { cpuArchitecture: ecs.CpuArchitecture.of(parameter.valueAsString) },
  });
  taskDefinition.addContainer('web', {
    image: ecs.ContainerImage.fromAsset(dockerContext, { platform: Platform.LINUX_ARM64 }),
  });
  new ecs.FargateService(stack, 'Service', { cluster: new ecs.Cluster(stack, 'Cluster'), taskDefinition });
};

const web = { container: 'web', imagePlatforms: ['linux/arm64'] };
const mismatch = ['image-platform-mismatch'];

export default checkedApp({
  title: 'the person who deploys chooses the architecture',
  variants: {
    fails: {
      build: service({ allowedValues: ['X86_64'] }),
      expect: [{ ...web, verdict: 'fails', rules: mismatch }],
    },
    'fails by a default that nothing limits': {
      build: service({ default: 'X86_64' }),
      expect: [{ ...web, verdict: 'fails', rules: mismatch }],
    },
    'at risk when one of the allowed values fails': {
      build: service({ allowedValues: ['X86_64', 'ARM64'], default: 'ARM64' }),
      expect: [{ ...web, verdict: 'at-risk', rules: mismatch }],
    },
    'at risk when the default fails and another value runs': {
      build: service({ allowedValues: ['X86_64', 'ARM64'], default: 'X86_64' }),
      expect: [{ ...web, verdict: 'at-risk', rules: mismatch }],
    },
    'is not known without default and allowed values': {
      build: service({}),
      expect: [{ ...web, verdict: 'unknown', runsOn: null }],
    },
    'is not known from Parameter Store': {
      build: service({ type: 'AWS::SSM::Parameter::Value<String>', default: '/shop/cpu-architecture' }),
      expect: [{ ...web, verdict: 'unknown', runsOn: null }],
    },
    runs: {
      build: service({ default: 'ARM64' }),
      expect: [{ ...web, verdict: 'runs', runsOn: ['linux/arm64'] }],
    },
  },
});
