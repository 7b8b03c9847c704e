/* A second source of fields: what the user side makes code for has this form. */
#include <ipft/extension.h>

struct sk_buff {
	unsigned int len;
} __attribute__((preserve_access_index));

struct doubled {
	__u32 twice;
	_Bool was_clear;
};

/* Static: the extension beside it has a variable of that name. */
static struct doubled __attribute__((used)) __ipft_event_struct;

int ipft_fields(void *ctx, struct sk_buff *skb, __u8 *data)
{
	struct doubled *doubled = (struct doubled *)data;

	doubled->was_clear = !doubled->twice && !doubled->was_clear && ipft_func_ip(ctx);
	doubled->twice = BPF_CORE_READ(skb, len) * 2;
	return 0;
}
