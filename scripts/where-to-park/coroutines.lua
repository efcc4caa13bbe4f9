-- Prints, for each kind of place, whether a coroutine can yield there: three of them, first in, first out.
local park = coroutine.yield

local converts = setmetatable({}, { __tostring = function() park() return "a" end })
local indexed = setmetatable({}, { __index = function(_, name) park() return name end })
local class = setmetatable({}, { __call = function() park() return {} end })

local places = {
  { "conversion to a string", function() return tostring(converts) end },
  { "sort: the comparison", function() table.sort({ 3, 1, 2 }, function(a, b) park() return a < b end) end },
  { "replace: the callback", function() return (("abc"):gsub("b", function() park() return "x" end)) end },
  { "missing member", function() return indexed.other end },
  { "iterator or generator", function() for _ in function(_, n) park() n = (n or 0) + 1 return n < 3 and n or nil end do end end },
  { "constructor", function() return class() end },
  { "while an exception is handled", function() return xpcall(error, function(e) park() return e end, "a") end },
  { "finalizer", function()
    local failed
    warn("@on")
    setmetatable({}, { __gc = function() local ok, e = pcall(park) if not ok then failed = e end end })
    collectgarbage()
    if failed then error(failed, 0) end
  end },
  { "evaluated text", function() return load("(...)() return 1")(park) end },
  { "host callback from C", function() return load(function() park() return nil end) end },
}

for _, place in ipairs(places) do
  local failed, parked, all = nil, 0, {}
  for i = 1, 3 do
    all[i] = coroutine.create(function()
      local ok, why, also = pcall(place[2])
      if not ok then failed = failed or why
      elseif why == false or why == nil and also then failed = failed or also end
    end)
  end
  local left = true
  while left do
    left = false
    for _, one in ipairs(all) do
      if coroutine.status(one) ~= "dead" then
        coroutine.resume(one)
        if coroutine.status(one) ~= "dead" then parked = parked + 1 left = true end
      end
    end
  end
  print(place[1] .. "\t" .. (parked > 0 and not (failed and tostring(failed):find("attempt to yield")) and "parks" or tostring(failed or "did not park")))
end
