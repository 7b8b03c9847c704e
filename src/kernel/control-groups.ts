/** Control groups as journeys tell of them. */
import type { ControlGroup, FindControlGroup } from '../base/process.js';
import { type CgroupFacts, CgroupNames, findHierarchy } from './cgroups.js';

/** Finds the control groups of this machine. A group that has gone is known if it was found before. */
export function groupFinder(names?: CgroupNames): FindControlGroup {
  let known = names;
  return (id) => {
    if (id === 0n) return undefined;
    // Not before it is asked: most traces have no processes.
    known ??= new CgroupNames(findHierarchy());
    const facts = known.find(id);
    return facts && groupOf(facts);
  };
}

export function groupOf({
  path,
  containerId: id,
  containerName,
  podNamespace,
  podName,
  unit,
}: CgroupFacts): ControlGroup {
  const hasContainer = id !== undefined || containerName !== undefined;
  return {
    ...{ path, unit, container: hasContainer ? { id, name: containerName } : undefined },
    pod: podName === undefined ? undefined : [podNamespace, podName].filter((name) => name !== undefined).join('/'),
  };
}
