-- Length and segmentation, as a script: clang -target bpf -O2 -g -c gso.bpf.c && ipft -m 42 -e gso.lua

api_version = 1

-- The bytes of an object whose module() is linked into the tracer's programs.
program = assert(io.open("gso.bpf.o", "rb")):read("a")

local types = {
  "tcpv4", "dodgy", "tcp_ecn", "tcp_fixedid", "tcpv6", "fcoe", "gre", "gre_csum", "ipxip4", "ipxip6",
  "udp_tunnel", "udp_tunnel_csum", "partial", "tunnel_remcsum", "sctp", "esp", "udp", "udp_l4", "fraglist",
}

local function names(flags)
  if flags == 0 then return "none" end
  local found = {}
  for bit, name in ipairs(types) do
    if flags & 1 << bit - 1 ~= 0 then found[#found + 1] = name end
  end
  return table.concat(found, "|")
end

-- Called for each event with the 64 bytes that module() has filled.
function decode(data)
  local len, size, segs, type = string.unpack("=I4I2I2I4", data)
  return { len = len, gso_size = size, gso_segs = segs, gso_type = names(type) }
end
