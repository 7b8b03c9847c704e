// A loop whose end the packet decides: docs/typescript.md shows what is said of it.
import { cast, extension, tcp } from 'ipft/extension';

export default extension({
  fields: {
    sum: (skb) => {
      let sum = 0;
      for (let i = 0; i < tcp(skb).doff; i++) sum += cast('u32 *', tcp(skb))[i];
      return sum;
    },
  },
});
