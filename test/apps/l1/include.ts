import { fileURLToPath } from 'node:url';
import { type App, Stack } from 'aws-cdk-lib';
import { CfnInclude } from 'aws-cdk-lib/cloudformation-include';
import { checkedApp } from '../checked-app.ts';

const include = (parameters?: Record<string, string>) => (app: App) => {
  new CfnInclude(new Stack(app, 'Cache'), 'Existing', {
    templateFile: fileURLToPath(new URL('./existing-template.json', import.meta.url)),
    parameters,
  });
};

const memcached = { container: 'memcached', resource: 'Task', stack: 'Cache', imagePlatforms: ['linux/arm64'] };

export default checkedApp({
  title: 'an existing template, included with a value for its architecture parameter',
  variants: {
    fails: {
      build: include({ CpuArchitecture: 'X86_64' }),
      expect: [{ ...memcached, verdict: 'fails', rules: ['image-platform-mismatch'], runsOn: ['linux/amd64'] }],
    },
    'at risk as the parameter is left to the person who deploys': {
      build: include(),
      expect: [{ ...memcached, verdict: 'at-risk', rules: ['image-platform-mismatch'] }],
    },
    runs: {
      build: include({ CpuArchitecture: 'ARM64' }),
      expect: [{ ...memcached, verdict: 'runs', runsOn: ['linux/arm64'] }],
    },
  },
});
