-- ipft wireshark-setup: fields of Wireshark for the packets of `ipft -o pcapng`
--
-- Reads the JSON object in each packet's comment, which docs/looking.md of ipft describes, and gives its members fields
-- that display filters know: ipft.function == "ip_rcv". For Lua 5.2 to 5.4. Whatever a comment has: it is read in
-- bounded time, and what can't be read gives no fields.

-- What a comment may have at most. A comment of pcapng is not longer.
local MAX_BYTES = 65535
local MAX_DEPTH = 8
local MAX_MEMBERS = 1000
-- Fields of extensions that get a name of their own, and the longest name.
local MAX_NAMES = 256
local MAX_NAME = 64

local ESCAPES = {
  ['"'] = '"', ["\\"] = "\\", ["/"] = "/", b = "\b", f = "\f", n = "\n", r = "\r", t = "\t",
}

-- UTF-8 of a code point: Lua 5.2 has no function for it.
local function utf8_of(code)
  if code < 0x80 then return string.char(code) end
  local function tail(shift) return 0x80 + math.floor(code / shift) % 64 end
  if code < 0x800 then return string.char(0xc0 + math.floor(code / 64), tail(1)) end
  if code < 0x10000 then return string.char(0xe0 + math.floor(code / 4096), tail(64), tail(1)) end
  return string.char(0xf0 + math.floor(code / 262144), tail(4096), tail(64), tail(1))
end

-- Half a surrogate pair stands for no character.
local REPLACEMENT = "\239\191\189"

-- The text of a string whose opening quote stands before `at`, and where it ends; nil if it doesn't.
local function read_string(text, at)
  local parts = {}
  while true do
    local plain_end = text:find('[%c"\\]', at)
    if not plain_end then return nil end
    parts[#parts + 1] = text:sub(at, plain_end - 1)
    local found = text:sub(plain_end, plain_end)
    if found == '"' then return table.concat(parts), plain_end + 1 end
    if found ~= "\\" then
      -- A control character that is no JSON; DEL is.
      if found ~= "\127" then return nil end
      parts[#parts + 1] = found
      at = plain_end + 1
    else
      local letter = text:sub(plain_end + 1, plain_end + 1)
      if letter == "u" then
        local digits = text:match("^%x%x%x%x", plain_end + 2)
        if not digits then return nil end
        local code = tonumber(digits, 16)
        at = plain_end + 6
        if code >= 0xd800 and code < 0xdc00 then
          local low = text:match("^\\u([dD][c-fC-F]%x%x)", at)
          if low then
            code = 0x10000 + (code - 0xd800) * 1024 + (tonumber(low, 16) - 0xdc00)
            at = at + 6
          end
        end
        parts[#parts + 1] = code >= 0xd800 and code < 0xe000 and REPLACEMENT or utf8_of(code)
      else
        local plain = ESCAPES[letter]
        if not plain then return nil end
        parts[#parts + 1] = plain
        at = plain_end + 2
      end
    end
  end
end

local function skip_blanks(text, at) return text:find("[^ \t\r\n]", at) or #text + 1 end

local read_value

-- The members of an object or an array, which begins at `at`: a list of { name, value, text of the value }.
local function read_members(text, at, depth, count, closing)
  local members = {}
  at = skip_blanks(text, at + 1)
  if text:sub(at, at) == closing then return members, at + 1 end
  while true do
    count[1] = count[1] + 1
    if count[1] > MAX_MEMBERS then return nil end
    local name
    if closing == "}" then
      if text:sub(at, at) ~= '"' then return nil end
      name, at = read_string(text, at + 1)
      if not name then return nil end
      at = skip_blanks(text, at)
      if text:sub(at, at) ~= ":" then return nil end
      at = skip_blanks(text, at + 1)
    end
    local begin = at
    local kind, value
    kind, value, at = read_value(text, at, depth + 1, count)
    if not kind then return nil end
    members[#members + 1] = { name = name, kind = kind, value = value, text = text:sub(begin, at - 1) }
    at = skip_blanks(text, at)
    local found = text:sub(at, at)
    if found == closing then return members, at + 1 end
    if found ~= "," then return nil end
    at = skip_blanks(text, at + 1)
  end
end

-- The kind of a value, the value, and where it ends; nil if it is none.
read_value = function(text, at, depth, count)
  if depth > MAX_DEPTH then return nil end
  local first = text:sub(at, at)
  if first == '"' then
    local value, behind = read_string(text, at + 1)
    if not value then return nil end
    return "string", value, behind
  end
  if first == "{" or first == "[" then
    local members, behind = read_members(text, at, depth, count, first == "{" and "}" or "]")
    if not members then return nil end
    return first == "{" and "object" or "array", members, behind
  end
  local word = text:match("^%a+", at)
  if word == "true" or word == "false" then return "boolean", word == "true", at + #word end
  if word == "null" then return "null", nil, at + 4 end
  local number = text:match("^-?%d+%.?%d*[eE]?[+-]?%d*", at)
  local value = number and tonumber(number)
  if not value then return nil end
  return "number", value, at + #number
end

-- The members of a comment's object; nil if it is none.
local function read_object(text)
  if type(text) ~= "string" or #text > MAX_BYTES then return nil end
  local at = skip_blanks(text, 1)
  if text:sub(at, at) ~= "{" then return nil end
  local kind, members, behind = read_value(text, at, 1, { 0 })
  if kind ~= "object" or skip_blanks(text, behind) <= #text then return nil end
  return members
end

-- In a plain Lua this file is a module, so that its reader can be tried.
local Proto, ProtoField = rawget(_G, "Proto"), rawget(_G, "ProtoField")
if not Proto then return { read_object = read_object } end

-- A second copy of this file, as in the system's folder, would be an error of Wireshark's.
local is_new, protocol = pcall(Proto, "ipft", "ipft: a packet's way through the Linux kernel")
if not is_new then return end

local comment_field = Field.new("frame.comment")
local fields = {}
local function add_field(name, make, title, ...)
  fields[name] = make("ipft." .. name, title, ...)
end

add_field("function", ProtoField.string, "Function")
add_field("module", ProtoField.string, "Module")
add_field("is_return", ProtoField.bool, "Return")
add_field("duration_ns", ProtoField.uint64, "Duration of the call in ns")
add_field("partner", ProtoField.string, "Partner")
add_field("skb_freed", ProtoField.bool, "Freed within the call")
add_field("journey", ProtoField.uint64, "Journey")
add_field("netns", ProtoField.uint64, "Network namespace")
add_field("netns_name", ProtoField.string, "Name of the network namespace")
add_field("device", ProtoField.string, "Device")
add_field("cpu", ProtoField.uint32, "CPU")
add_field("outcome", ProtoField.string, "Outcome")
add_field("reason", ProtoField.string, "Reason")
add_field("ended_in", ProtoField.string, "Ended in")
add_field("family", ProtoField.string, "Family of the socket")
add_field("protocol", ProtoField.string, "Protocol of the socket")
add_field("to_device", ProtoField.string, "Transmitted or forwarded to")
add_field("parent", ProtoField.uint64, "Copy of journey")
add_field("gap", ProtoField.bool, "Events may be missing")
add_field("lost", ProtoField.uint64, "Events missing")
add_field("sender", ProtoField.string, "Sender")
add_field("receiver", ProtoField.string, "Receiver")
-- Any field, one of each after the other, since its names are not known when this file is read.
add_field("field", ProtoField.string, "Field")
add_field("field_name", ProtoField.string, "Name")
add_field("field_value", ProtoField.string, "Value")
add_field("field_number", ProtoField.double, "Value as a number")

-- Fields with names of their own, ipft.field.NAME: the built-in ones, and those that the user's file names.
local BUILTIN =
  "proto saddr sport:number daddr dport:number ttl:number tos:number ip_id:number frag:number flags window:number "
  .. "seq:number ack_seq:number len:number data_len:number mark:number hash:number queue:number vlan:number "
  .. "vlan_prio:number dev ifindex:number pid:number comm cookie:number uid:number family state gso_size:number "
  .. "gso_segs:number gso_type ct_state ct_status ct_mark:number"
local own_fields = {}
local own_count = 0
local function add_own(word)
  local name, kind = word:match("^([%a_][%w_]*):?(%a*)$")
  if not name or #name > MAX_NAME or own_count >= MAX_NAMES or own_fields[name] then return end
  if kind ~= "" and kind ~= "number" and kind ~= "string" then return end
  local make = kind == "number" and ProtoField.double or ProtoField.string
  own_count = own_count + 1
  own_fields[name] = { is_number = kind == "number", field = make("ipft.field." .. name, name) }
end

-- The user's file stands first, since it may name a built-in field's name with another type.
local function read_names()
  local file = io.open(Dir.personal_config_path("ipft-fields"), "r")
  if not file then return "" end
  local text = file:read(MAX_NAMES * MAX_NAME)
  file:close()
  return text or ""
end
local could_read, names = pcall(read_names)
for word in (could_read and names or ""):gsub("#[^\n]*", ""):gmatch("%S+") do add_own(word) end
for word in BUILTIN:gmatch("%S+") do add_own(word) end

local registered = {}
for _, field in pairs(fields) do registered[#registered + 1] = field end
for _, own in pairs(own_fields) do registered[#registered + 1] = own.field end
protocol.fields = registered

-- How members of the object become fields: the field, and the kind that the value must have.
local EVENT = {
  ["function"] = { "function", "string" },
  module = { "module", "string" },
  is_return = { "is_return", "boolean" },
  duration_ns = { "duration_ns", "uint64" },
  partner = { "partner", "string" },
  skb_freed = { "skb_freed", "boolean" },
  journey = { "journey", "uint64" },
  netns = { "netns", "uint64" },
  device = { "device", "string" },
  processor_id = { "cpu", "uint32" },
}
local FACTS = {
  outcome = { "outcome", "string" },
  reason = { "reason", "string" },
  ended_in = { "ended_in", "string" },
  family = { "family", "string" },
  protocol = { "protocol", "string" },
  device = { "to_device", "string" },
  parent = { "parent", "uint64" },
  gap = { "gap", "boolean" },
  lost = { "lost", "uint64" },
  sender = { "sender", "string" },
  receiver = { "receiver", "string" },
  netns_name = { "netns_name", "string" },
}

local function is_whole(member, limit)
  return member.kind == "number" and member.value >= 0 and member.value < limit and member.value % 1 == 0
end

-- A value as Wireshark takes it for a field of some kind; nil if it is of another kind. Integers beyond 2^53 are not exact.
local function convert(member, kind)
  if kind == "uint64" then
    if not is_whole(member, 2 ^ 64) then return nil end
    local high = math.floor(member.value / 2 ^ 32)
    return UInt64.new(math.floor(member.value - high * 2 ^ 32), math.floor(high))
  end
  if kind == "uint32" then
    return is_whole(member, 2 ^ 32) and math.floor(member.value) or nil
  end
  if member.kind ~= kind then return nil end
  return member.value
end

-- @return whether there was a value of that kind
local function add_known(tree, range, member, known)
  local value = convert(member, known[2])
  if value == nil then return false end
  tree:add(fields[known[1]], range, value):set_generated()
  return true
end

local function add_free(tree, range, member)
  local value = member.kind == "string" and member.value or member.text
  local item = tree:add(fields.field, range, member.name .. "=" .. value):set_generated()
  item:add(fields.field_name, range, member.name):set_generated()
  item:add(fields.field_value, range, value):set_generated()
  if member.kind == "number" then item:add(fields.field_number, range, member.value):set_generated() end
  local own = own_fields[member.name]
  if not own then return end
  if not own.is_number then
    item:add(own.field, range, value):set_generated()
  elseif member.kind == "number" then
    item:add(own.field, range, member.value):set_generated()
  end
end

local function add_comment(members, buffer, tree)
  -- Comments of others are objects, too.
  local has = {}
  for _, member in ipairs(members) do has[member.name] = member.kind end
  if has["function"] ~= "string" or has.journey ~= "number" or has.ipft ~= "object" then return false end
  local range = buffer(0, 0)
  local item = tree:add(protocol, range)
  item:set_generated()
  for _, member in ipairs(members) do
    if member.name == "ipft" and member.kind == "object" then
      for _, fact in ipairs(member.value) do
        local known = FACTS[fact.name]
        if known then add_known(item, range, fact, known) end
      end
    else
      local known = EVENT[member.name]
      if not (known and add_known(item, range, member, known)) then add_free(item, range, member) end
    end
  end
  return true
end

function protocol.dissector(buffer, _, tree)
  for _, info in ipairs({ comment_field() }) do
    local members = read_object(info.value)
    if members and add_comment(members, buffer, tree) then return end
  end
end

register_postdissector(protocol)
