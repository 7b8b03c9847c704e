/** What expressions ask of the running kernel: types, modules' types, addresses of functions. */
import type { Btf } from '../btf/btf.js';
import { loadKernelBtf, loadModuleBtf } from './btf.js';
import { loadSymbolAddressesNamed } from './functions.js';
import { loadLiveModules } from './modules.js';

/** @throws EnvironmentError `NO_BTF` */
export function kernelTypeSource() {
  const vmlinux = loadKernelBtf();
  let modules: ReadonlyMap<string, () => Btf | undefined> | undefined;
  return {
    vmlinux,
    modules: () => {
      modules ??= new Map([...loadLiveModules().keys()].map((name) => [name, () => loadTypes(name, vmlinux)]));
      return modules;
    },
    addressesOf: loadSymbolAddressesNamed,
  };
}

function loadTypes(module: string, vmlinux: Btf): Btf | undefined {
  const btf = loadModuleBtf(module, vmlinux);
  return 'problem' in btf ? undefined : btf;
}
