import { type App, Stack } from 'aws-cdk-lib';
import { Schedule } from 'aws-cdk-lib/aws-applicationautoscaling';
import { Platform } from 'aws-cdk-lib/aws-ecr-assets';
import * as ecs from 'aws-cdk-lib/aws-ecs';
import * as patterns from 'aws-cdk-lib/aws-ecs-patterns';
import { checkedApp, dockerContext } from '../checked-app.ts';

const schedule = Schedule.expression('rate(1 day)');
const runtimePlatform = { cpuArchitecture: ecs.CpuArchitecture.ARM64 };
const image = ecs.ContainerImage.fromAsset(dockerContext, { platform: Platform.LINUX_ARM64 });

export default checkedApp({
  title: 'ScheduledFargateTask accepts a runtimePlatform, and drops it: the task fails at night',
  variants: {
    fails: {
      build(app: App) {
        new patterns.ScheduledFargateTask(new Stack(app, 'Reports'), 'Nightly', {
          schedule,
          scheduledFargateTaskImageOptions: { image, memoryLimitMiB: 512 },
          runtimePlatform,
        });
      },
      expect: [
        {
          container: 'ScheduledContainer',
          task: 'Reports/Nightly/ScheduledTaskDef',
          verdict: 'fails',
          rules: ['image-platform-mismatch'],
          runsOn: ['linux/amd64'],
        },
      ],
    },
    runs: {
      build(app: App) {
        const stack = new Stack(app, 'Reports');
        const taskDefinition = new ecs.FargateTaskDefinition(stack, 'Task', { runtimePlatform });
        taskDefinition.addContainer('report', { image });
        new patterns.ScheduledFargateTask(stack, 'Nightly', {
          schedule,
          scheduledFargateTaskDefinitionOptions: { taskDefinition },
        });
      },
      expect: [{ container: 'report', task: 'Reports/Task', verdict: 'runs', runsOn: ['linux/arm64'] }],
    },
  },
});
