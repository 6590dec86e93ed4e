import { type App, CfnCondition, CfnParameter, Fn, Stack } from 'aws-cdk-lib';
import { Platform } from 'aws-cdk-lib/aws-ecr-assets';
import * as ecs from 'aws-cdk-lib/aws-ecs';
import { checkedApp, dockerContext } from '../checked-app.ts';

const tasks = (platform: Platform) => (app: App) => {
  const stack = new Stack(app, 'Shop');
  const useArm = new CfnParameter(stack, 'UseArm', { allowedValues: ['yes', 'no'], default: 'no' });
  const condition = new CfnCondition(stack, 'OnArm', { expression: Fn.conditionEquals(useArm, 'yes') });
  const taskDefinition = new ecs.FargateTaskDefinition(stack, 'Task', {
    runtimePlatform: {
      cpuArchitecture: ecs.CpuArchitecture.of(Fn.conditionIf(condition.logicalId, 'ARM64', 'X86_64').toString()),
    },
  });
  taskDefinition.addContainer('web', { image: ecs.ContainerImage.fromAsset(dockerContext, { platform }) });
  const service = new ecs.FargateService(stack, 'Service', {
    cluster: new ecs.Cluster(stack, 'Cluster'),
    taskDefinition,
  });
  for (const resource of [taskDefinition.node.defaultChild, service.node.findChild('Service')]) {
    (resource as ecs.CfnTaskDefinition).cfnOptions.condition = condition;
  }
};

export default checkedApp({
  title: 'a service that exists under a condition is judged where it exists',
  variants: {
    fails: {
      build: tasks(Platform.LINUX_AMD64),
      expect: [{ container: 'web', verdict: 'fails', rules: ['image-platform-mismatch'], runsOn: ['linux/arm64'] }],
    },
    runs: {
      build: tasks(Platform.LINUX_ARM64),
      expect: [{ container: 'web', verdict: 'runs', runsOn: ['linux/arm64'] }],
    },
  },
});
